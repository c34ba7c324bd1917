from .card import model_card as model_card
